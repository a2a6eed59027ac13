export { createStore, type StoreOptions } from './file-store.ts';
export { faultyFileSystem, type DiskFaults } from './faulty-file-system.ts';
export { nodeFileSystem } from './file-system.ts';
export type { FileSystem, WritableFile } from './file-system.ts';
export type { Migration } from './identity.ts';
export { createMemoryDisk, createMemoryStore, type MemoryDisk, type MemoryStore } from './memory-store.ts';
