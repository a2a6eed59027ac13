export { TestAuthority } from './certificates.ts';
export type { CertificateOptions, TestCertificate } from './certificates.ts';
export { collectGarbage, heldBytes } from './garbage.ts';
export { freePorts, host } from './ports.ts';
export { globalModules, requiring, systemPython } from './programs.ts';
export type { Program } from './programs.ts';
export { until } from './until.ts';
export { turnsUntil, within } from './within.ts';
