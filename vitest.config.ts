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
          include: ['{tiler,models,vectorizer,server,cli,web,test}/**/*.test.ts'],
          exclude: [LAYOUT],
          globalSetup: 'server/store/test-databases.ts',
          testTimeout: 60_000,
          hookTimeout: 180_000,
          // How long a state is waited for: a busy machine is no failure.
          expect: { poll: { timeout: 30_000 } },
        },
      },
    ],
  },
});
