export { createStore, type StoreOptions } from './file-store.ts';
export { messagePagesIn } from './pages/message-page-files.ts';
export type { PageSystem } from './pages/page-system.ts';
export { nodeFileSystem } from './disk/file-system.ts';
export type { FileSystem, WritableFile } from './disk/file-system.ts';
export type { Migration } from './identity.ts';
