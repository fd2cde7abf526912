// The widgets as single files: all that they need is in them.
import { build } from 'esbuild';
import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises';

const target = '../omero_jlab/widgets/static';
const { metafile } = await build({
  entryPoints: ['widgets/viewer.ts', 'widgets/browser.ts'],
  outdir: target,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  legalComments: 'none',
  charset: 'utf8',
  metafile: true
});
// Their licences ask that their text goes where their code goes.
const used = Object.keys(metafile.inputs).flatMap(path => {
  const found = /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path);
  return found ? [found[1]] : [];
});
const texts = [];
for (const name of [...new Set(used)].sort()) {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(await readFile(`${folder}/package.json`, 'utf8'));
  const file = (await readdir(folder)).find(each => /^licen[cs]e/i.test(each));
  const text = file ? await readFile(`${folder}/${file}`, 'utf8') : '';
  texts.push(`${name} ${version} (${license})\n\n${text.trim()}\n`);
}
await writeFile(`${target}/third-party-licenses.txt`, texts.join(`\n${'-'.repeat(79)}\n\n`));
await cp('style/base.css', `${target}/omero-jlab.css`);
for (const name of ['viewer.js', 'browser.js', 'omero-jlab.css']) {
  console.log(name, (await stat(`${target}/${name}`)).size);
}
