import { runProcess } from './program/run-process.ts';

declare const BUILD_VERSION: string | undefined;

const version = typeof BUILD_VERSION === 'string' ? BUILD_VERSION : '0.1.0';

await runProcess({ argv: process.argv.slice(2), version });
