import { defineConfig } from 'vitest/config';

const LAYOUT = 'test/layout.test.ts';

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { test: { name: 'layout', include: [LAYOUT] } },
      {
        test: {
          name: 'program',
          include: ['{errors,tiler,models,vectorizer,synthetic,server,cli,web,test}/**/*.test.ts'],
          exclude: [LAYOUT],
          globalSetup: ['test/support/built-viewer.ts', 'test/support/databases.ts'],
          testTimeout: 60_000,
          hookTimeout: 180_000,
          // How long a state is waited for: a busy machine is no failure.
          expect: { poll: { timeout: 30_000 } },
        },
      },
    ],
  },
});
