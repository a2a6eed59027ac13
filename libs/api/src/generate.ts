import openapiTypescript, { astToString } from 'openapi-typescript';
import { openApiDocument } from './document.ts';

const header = '// Written by `npm run api:document` from the routes of this package. Do not edit.\n';

/** Returns the generated files of this package: path and content. */
export async function generatedFiles(): Promise<Readonly<Record<string, string>>> {
  const text = `${JSON.stringify(openApiDocument(), null, 2)}\n`;
  const types = astToString(await openapiTypescript(text));
  return { 'generated/openapi.json': text, 'src/generated/schema.ts': `${header}${types}` };
}
