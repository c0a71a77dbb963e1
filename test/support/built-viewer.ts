/** Before any test: the viewer that the service under test gives out is that of today's sources. */
import { execFileSync } from 'node:child_process';

export const setup = (): void => void execFileSync(process.execPath, ['scripts/build-viewer.js'], { stdio: 'inherit' });
