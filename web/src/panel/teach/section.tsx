/** The part of the panel where a network learns a place: loaded when it is opened, gone from the map when it is closed. */
import { useSignal } from '@preact/signals';
import { useApp } from '../../app.ts';
import { t } from '../../messages/index.ts';
import { messageOf } from '../../service/api.ts';
import type { JobJson } from '../../service/types.ts';
import { Disclosure } from '../parts.tsx';
import type { Teach } from './teach.tsx';

export function TeachSection({ job }: { job: JobJson }) {
  const { view, state } = useApp();
  const loaded = useSignal<{ Teach: typeof Teach } | null>(null);
  const status = useSignal('');
  const open = useSignal(false);
  const toggled = async (now: boolean) => {
    open.value = now;
    if (!now || loaded.value) return;
    status.value = t.teach.loading;
    status.value = await import('./teach.tsx').then(
      (module) => {
        loaded.value = module;
        return '';
      },
      (error) => messageOf(error).detail,
    );
  };
  // What is taught, all workspaces see: those of the default one teach.
  if ((state.service.value?.caller.workspace ?? 'default') !== 'default') return null;
  const Content = loaded.value?.Teach;
  return (
    <Disclosure class="edits" title={t.teach.title} data-testid="teach" onToggle={toggled}>
      <div class="disclosed">
        <p class="quiet" role="status" hidden={!status.value}>
          {status}
        </p>
        {Content && open.value && view.value && <Content job={job} map={view.value.map} />}
      </div>
    </Disclosure>
  );
}
