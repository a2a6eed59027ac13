export { bytesOf, goldenCase, goldenFiles, readableOf } from './golden.ts';
export type { Complete } from './golden.ts';
export { helloOf } from './hello.ts';
export { MemoryMessagePages } from './memory-message-pages.ts';
