import { defineConfig } from 'vite';

/** Microsoft's packages, and the entries of ours that are used in their place. */
const instead = {
  '@azure/communication-calling': 'plenary-sdk',
  '@azure/communication-calling-effects': 'plenary-sdk/effects',
  '@azure/communication-chat': 'plenary-sdk/chat',
};

export default defineConfig({
  resolve: {
    alias: Object.entries(instead).map(([name, replacement]) => ({ find: new RegExp(`^${name}$`), replacement })),
    // One copy of the SDK, whoever imports it: features are compared by identity.
    dedupe: ['plenary-sdk'],
  },
  // The development server would bundle the SDK anew, away from its wasm.
  optimizeDeps: { exclude: ['plenary-sdk', ...Object.keys(instead)] },
  // In this repository the SDK is a link to where `cargo xtask package` puts it.
  server: { fs: { allow: ['.', '../../dist/plenary-sdk'] } },
  build: {
    // Fluent's components say of themselves where they run; here that is a browser alone.
    rolldownOptions: { checks: { moduleLevelDirective: false } },
    chunkSizeWarningLimit: 4000,
  },
});
