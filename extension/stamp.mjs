// Writes which sources the committed JavaScript was built from; a test computes it again.
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FOLDERS = ['browser', 'plot', 'schema', 'shared', 'src', 'style', 'table', 'viewer', 'widgets'];
const FILES = ['build.mjs', 'package.json', 'tsconfig.json', 'yarn.lock'];

const paths = [...FILES];
for (const folder of FOLDERS) {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      paths.push(join(entry.parentPath, entry.name).replaceAll('\\', '/'));
    }
  }
}
const whole = createHash('sha256');
for (const path of paths.sort()) {
  const content = createHash('sha256').update(await readFile(path)).digest('hex');
  whole.update(`${path} ${content}\n`);
}
await writeFile('built-from.sha256', `${whole.digest('hex')}\n`);
