import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// What Monitoring answers, besides the files of the console itself.
const PATHS = ['/console/api', '/health', '/status', '/alerts', '/api', '/usage', '/metrics'];

const monitoring = process.env.GRANARY_MONITORING ?? 'http://127.0.0.1:8084';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    modulePreload: false, // One script: nothing to load ahead.
    assetsInlineLimit: 0, // data: URLs are outside of the page's policy.
    reportCompressedSize: false,
  },
  server: {
    proxy: Object.fromEntries(PATHS.map((path) => [path, { target: monitoring }])),
  },
});
