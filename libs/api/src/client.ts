/** Types for clients of the HTTP API, generated from its OpenAPI document. The module has no code. */
import type { components } from './generated/schema.ts';

export type { components, operations, paths } from './generated/schema.ts';

/** The types of the bodies by their names in the document, such as `Schemas['ClientSummary']`. */
export type Schemas = components['schemas'];
