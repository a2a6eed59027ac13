export { createStore, type StoreOptions } from './file-store.ts';
export { faultyFileSystem, type DiskFaults } from './testing/faulty-file-system.ts';
export { nodeFileSystem } from './disk/file-system.ts';
export type { FileSystem, WritableFile } from './disk/file-system.ts';
export type { Migration } from './identity.ts';
export { createMemoryDisk, createMemoryStore, type MemoryDisk, type MemoryStore } from './testing/memory-store.ts';
