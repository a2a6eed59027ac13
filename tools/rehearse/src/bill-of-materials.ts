import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const billSchema = z.object({
  components: z
    .array(
      z.object({
        group: z.string().optional(),
        name: z.string(),
        version: z.string(),
        evidence: z.object({ licenses: z.array(z.unknown()).optional() }).optional(),
      }),
    )
    .default([]),
});
const lockFileSchema = z.object({
  packages: z.record(z.string(), z.object({ version: z.string().optional() })),
});

/** Our own packages. Their licence is the file LICENSE of the image. */
const ownGroup = '@mqtt-cluster';
/** Packages that each image certainly contains. Their absence shows a list that is not of this image. */
const expected = ['mqtt', 'zod'];
/** Packages of the web console. */
const expectedIn: Readonly<Record<string, readonly string[]>> = { 'broker-publisher': ['preact', 'uplot'] };
/**
 * Packages that are published without a licence file, with the package of the same project and licence whose text must be
 * in the list.
 */
const licenceTextIn: Readonly<Record<string, string>> = {
  '@hono/zod-openapi': 'hono',
  '@hono/zod-validator': 'hono',
};

/**
 * Returns what is wrong with the CycloneDX list of an image, in one sentence, or null. The list must contain each
 * third-party package with its licence text, in a version that the lock file pins.
 * @param root folder of package-lock.json
 * @param image name of the image
 */
export function billOfMaterialsFault(text: string, root: string, image: string): string | null {
  const { components } = billSchema.parse(JSON.parse(text));
  const lock = lockFileSchema.parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')));
  const pinned = new Set(
    Object.entries(lock.packages).map(
      ([folder, { version }]) => `${folder.split('node_modules/').at(-1)}@${version}`,
    ),
  );
  const thirdParty = components.filter(({ group }) => group !== ownGroup);
  const withText = new Set(
    thirdParty.filter(({ evidence }) => (evidence?.licenses ?? []).length > 0).map((each) => fullName(each)),
  );
  for (const component of thirdParty) {
    const name = fullName(component);
    const id = `${name}@${component.version}`;
    if (!pinned.has(id)) return `${id} is not in the lock file`;
    if (!withText.has(licenceTextIn[name] ?? name)) return `${id} has no licence text`;
  }
  const names = new Set(thirdParty.map(({ name }) => name));
  const missing = [...expected, ...(expectedIn[image] ?? [])].find((name) => !names.has(name));
  return missing === undefined ? null : `the package ${missing} is missing`;
}

function fullName({ group, name }: { readonly group?: string | undefined; readonly name: string }): string {
  return group === undefined ? name : `${group}/${name}`;
}
