#!/usr/bin/env node
// `npx mqtt-cluster` inside the repository: builds the bundle if a source has changed, then runs it.
process.argv.splice(2, 0, 'command-line');
await import('../../../scripts/run.mjs');
