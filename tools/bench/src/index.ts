export { Latencies } from './generator/latencies.ts';
export { Receipts } from './generator/receipts.ts';
export { PacketScanner } from './wire.ts';
