import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { billOfMaterialsFault } from '../src/bill-of-materials.ts';

describe('billOfMaterialsFault', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'bill-of-materials-'));
    const packages = {
      'node_modules/mqtt': { version: '5.0.0' },
      'node_modules/a/node_modules/@x/zod': { version: '4.0.0' },
      'node_modules/zod': { version: '4.0.0' },
      'node_modules/hono': { version: '4.1.0' },
      'node_modules/@hono/zod-openapi': { version: '1.2.0' },
    };
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages }));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const evidence = { licenses: [{ license: { name: 'file: LICENSE' } }] };
  const mqtt = { name: 'mqtt', version: '5.0.0', evidence };
  const zod = { name: 'zod', version: '4.0.0', evidence };
  const own = { group: '@mqtt-cluster', name: 'broker', version: '0.1.0' };
  const faultOf = (...components: object[]) =>
    billOfMaterialsFault(JSON.stringify({ components }), root, 'client');

  it('accepts a list whose packages are in the lock file, with their licence texts', () => {
    expect(faultOf(own, mqtt, zod, { group: '@x', name: 'zod', version: '4.0.0', evidence })).toBeNull();
  });

  it('names a package whose version the lock file does not pin', () => {
    expect(faultOf(mqtt, { ...zod, version: '4.0.1' })).toBe('zod@4.0.1 is not in the lock file');
  });

  it('names a third-party package without a licence text', () => {
    expect(faultOf(mqtt, { name: 'zod', version: '4.0.0' })).toBe('zod@4.0.0 has no licence text');
  });

  it('accepts a package that is published without its licence text, beside the text of its project', () => {
    const withoutText = { group: '@hono', name: 'zod-openapi', version: '1.2.0' };
    const hono = { name: 'hono', version: '4.1.0', evidence };
    expect(faultOf(mqtt, zod, hono, withoutText)).toBeNull();
    expect(faultOf(mqtt, zod, withoutText)).toBe('@hono/zod-openapi@1.2.0 has no licence text');
  });

  it('rejects a list without a package that every image contains', () => {
    const text = JSON.stringify({ components: [mqtt, zod] });
    expect(billOfMaterialsFault(text, root, 'broker-publisher')).toBe('the package preact is missing');
    expect(faultOf(own, mqtt)).toBe('the package zod is missing');
    expect(billOfMaterialsFault('{}', root, 'client')).toBe('the package mqtt is missing');
  });
});
