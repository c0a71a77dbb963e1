/** The part of the panel about how good the map is: loaded when it is opened. */
import { useSignal } from '@preact/signals';
import { t } from '../../messages/index.ts';
import { messageOf } from '../../service/api.ts';
import type { JobJson } from '../../service/types.ts';
import { Disclosure } from '../parts.tsx';
import type { Accuracy } from './accuracy.tsx';

export function AccuracySection({ job }: { job: JobJson }) {
  const loaded = useSignal<{ Accuracy: typeof Accuracy } | null>(null);
  const status = useSignal('');
  const load = async (open: boolean) => {
    if (!open || loaded.value) return;
    status.value = t.accuracy.loading;
    status.value = await import('./accuracy.tsx').then(
      (module) => {
        loaded.value = module;
        return '';
      },
      (error) => messageOf(error).detail,
    );
  };
  const Content = loaded.value?.Accuracy;
  return (
    <Disclosure title={t.accuracy.title} data-testid="accuracy" onToggle={load}>
      <div class="disclosed">
        <p class="quiet" role="status" hidden={!status.value}>
          {status}
        </p>
        {Content && <Content job={job} />}
      </div>
    </Disclosure>
  );
}
