// The widgets as single files: all that they need is in them.
import { build } from 'esbuild';
import { cp, stat } from 'node:fs/promises';

const target = '../omero_jlab/widgets/static';
await build({
  entryPoints: ['widgets/viewer.ts', 'widgets/browser.ts'],
  outdir: target,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  legalComments: 'none',
  charset: 'utf8'
});
await cp('style/base.css', `${target}/omero-jlab.css`);
for (const name of ['viewer.js', 'browser.js', 'omero-jlab.css']) {
  console.log(name, (await stat(`${target}/${name}`)).size);
}
