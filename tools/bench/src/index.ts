export { Receipts } from './generator/receipts.ts';
export { PacketScanner } from './wire.ts';
