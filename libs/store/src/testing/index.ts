export { faultyFileSystem, type DiskFaults } from './faulty-file-system.ts';
export { createMemoryDisk, createMemoryStore, type MemoryDisk, type MemoryStore } from './memory-store.ts';
export { storeCompliance, testEntries, testEntry, type StoreUnderTest } from './store-compliance.ts';
