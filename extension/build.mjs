// The widgets as single files: all that they need is in them.
import { build } from 'esbuild';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';

const target = '../omero_jlab/widgets/static';
const { metafile } = await build({
  entryPoints: ['widgets/viewer.ts', 'widgets/browser.ts', 'widgets/plot.ts', 'widgets/table.ts'],
  outdir: target,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  legalComments: 'none',
  charset: 'utf8',
  metafile: true
});
// Messages and comments of libraries that send people elsewhere; names of vocabularies stay.
const elsewhere = /https?:\/\/(?!www\.w3\.org|www\.opengis\.net)[\w./-]+/g;
await writeFile(`${target}/plot.js`, (await readFile(`${target}/plot.js`, 'utf8')).replace(elsewhere, ''));
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
const styles = await Promise.all(['base', 'plot', 'table'].map(name => readFile(`style/${name}.css`, 'utf8')));
await writeFile(`${target}/omero-jlab.css`, styles.join('\n'));
for (const name of ['viewer.js', 'browser.js', 'plot.js', 'table.js', 'omero-jlab.css']) {
  console.log(name, (await stat(`${target}/${name}`)).size);
}
