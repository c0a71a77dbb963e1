import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{tiler,models,vectorizer,server,cli,test}/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 180_000,
  },
});
