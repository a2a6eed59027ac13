export { parseAclFile } from './acl-file.ts';
export { compileRules } from './compile-rules.ts';
export type { AccessAction, AccessDecision, CompiledRules, IdentityRules } from './compile-rules.ts';
export { Networks } from './networks.ts';
export { checkRules, parseRulesFile } from './rules-file.ts';
export { withUserGroups } from './user-groups.ts';
