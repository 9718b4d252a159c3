// Rollup knows neither npm nor assets by itself; nothing here is about this package.
import resolve from '@rollup/plugin-node-resolve';
import { importMetaAssets } from '@web/rollup-plugin-import-meta-assets';

export default {
  input: 'src/main.js',
  output: { dir: 'dist', format: 'es' },
  plugins: [resolve({ browser: true }), importMetaAssets()],
};
