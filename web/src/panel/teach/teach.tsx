/** A network learns a place: what people paint on its image, what comes of that, and where to paint next. */
import { type Signal, useComputed, useSignal, useSignalEffect } from '@preact/signals';
import type { Map as MapLibreMap } from 'maplibre-gl';
import { render } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { mapWith } from '../../actions/jobs.ts';
import { useApp } from '../../app.ts';
import { t } from '../../messages/index.ts';
import { getModels, messageOf } from '../../service/api.ts';
import type { JobJson, TaughtModelJson } from '../../service/types.ts';
import { Button, ProgressBar } from '../parts.tsx';
import { createLabels } from './labels.ts';
import { type Painting, startPainting } from './paint.ts';
import { type Brush, PaintBar } from './paint-bar.tsx';
import { teach } from './requests.ts';
import { TaughtResult } from './result.tsx';
import './teach.css';

const texts = t.teach;
/** Of classes that labels name and nobody has coloured. */
const OTHER_COLOUR = '#ff9f1c';
/** The map goes this near to a place to paint, unless it is nearer. */
const PAINT_ZOOM = 18;
const ROLES = ['object', 'area', 'line'] as const;

interface NewClass extends Brush {
  role: (typeof ROLES)[number];
}

export function Teach({ job, map }: { job: JobJson; map: MapLibreMap }) {
  const app = useApp();
  const { state } = app;
  const { scene } = job;
  const labels = useMemo(
    () => createLabels(scene, (error: unknown) => (state.error.value = messageOf(error))),
    [scene],
  );
  const added = useSignal<readonly NewClass[]>([]);
  const chosen = useSignal<string | null>(null);
  const taught = useSignal<TaughtModelJson | null>(null);
  const share = useSignal<number | null>(null);
  const status = useSignal('');
  const visited = useSignal(-1);
  const name = useSignal(texts.usualName(state.scene.value?.name.replace(/\.[^.]*$/, '') ?? ''));

  const known = state.model.value?.classes ?? [];
  const brushes = useComputed<readonly Brush[]>(() => {
    const all: Brush[] = [...known, ...added.value];
    for (const { properties } of labels.all.value) {
      const className = bare(properties.class);
      if (!all.some((each) => each.name === className)) all.push({ name: className, color: OTHER_COLOUR });
    }
    return all;
  });
  const canUndo = useComputed(() => labels.own.value.length > 0);
  const places = taught.value?.paint_next ?? [];
  const visit = (place: number) => {
    const found = taught.value?.paint_next[place];
    if (!found) return;
    visited.value = place;
    map.easeTo({ center: [found.lon, found.lat], zoom: Math.max(PAINT_ZOOM, map.getZoom()) });
  };

  const painting = useSignal<Painting | null>(null);
  useEffect(() => {
    const started = startPainting(map, ({ geometry, width_m }) => {
      if (chosen.value !== null) labels.add({ geometry, properties: { class: chosen.value, width_m } });
    });
    painting.value = started;
    const bar = document.createElement('div');
    document.getElementById('app')!.append(bar);
    render(<PaintBar brushes={brushes} chosen={chosen} canUndo={canUndo} undo={labels.undo} />, bar);
    // On phones the map is to be seen.
    if (matchMedia('(max-width: 719px)').matches) state.sheetLowered.value = true;
    return () => {
      render(null, bar);
      bar.remove();
      started.stop();
      labels.stop();
    };
  }, [labels]);
  useSignalEffect(() => {
    const colours = new Map(brushes.value.map((each) => [each.name, each.color]));
    const contradicted = new Set(taught.value?.contradicted);
    painting.value?.show(
      labels.all.value.map(({ id, geometry, properties }) => ({
        ...{ geometry, widthMetres: properties.width_m, color: colours.get(bare(properties.class))! },
        contradicted: contradicted.has(id),
      })),
    );
  });
  useSignalEffect(() => {
    painting.value?.setBrush(brushes.value.find((each) => each.name === chosen.value)?.color ?? null);
  });
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (isTyping(event.target)) return;
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
      if (event.key.toLowerCase() === 'z' && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        void labels.undo();
      } else if (plain && /^\d$/.test(event.key)) {
        const brush = brushes.value[Number(event.key) - 1];
        if (event.key === '0') chosen.value = null;
        else if (brush) chosen.value = brush.name;
      } else if (plain && event.key.toLowerCase() === 'n' && taught.value?.paint_next.length) {
        visit((visited.value + 1) % taught.value.paint_next.length);
      }
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [labels]);

  const begin = async () => {
    share.value = 0;
    status.value = '';
    const leaving = new AbortController();
    const { signal } = leaving;
    const ids = state.models.value.map(({ id }) => id);
    try {
      await labels.flush();
      const unknown = brushes.value.filter((each) => !known.some((one) => one.name === each.name));
      const classes = unknown.map(
        (each) => `${each.name}=${each.color}:${added.value.find((one) => one.name === each.name)?.role ?? 'area'}`,
      );
      const wanted = { id: freeId(name.value, ids), name: name.value.trim(), scenes: [scene], classes };
      taught.value = await teach(job.model, wanted, signal, (now) => (share.value = now));
      visited.value = -1;
      state.models.value = await getModels();
    } catch (error) {
      status.value = messageOf(error).detail;
    } finally {
      share.value = null;
    }
  };

  return (
    <div class="teach">
      <p class="quiet">{texts.about}</p>
      <p class="quiet teach-keys">{texts.keys}</p>
      <p data-testid="label-count">{texts.count(labels.all.value.length, labels.own.value.length)}</p>
      <AddClass brushes={brushes.value} added={added} chosen={chosen} />
      <label class="teach-field">
        <span>{texts.name}</span>
        <input class="text" value={name} maxLength={60} onInput={(event) => (name.value = event.currentTarget.value)} />
      </label>
      <Button
        class="primary"
        data-testid="begin-teaching"
        disabled={labels.all.value.length === 0 || share.value !== null || name.value.trim() === ''}
        onClick={begin}
      >
        {texts.begin}
      </Button>
      {share.value !== null && <ProgressBar label={texts.teaching} share={share.value} />}
      <p class="quiet" role="status">
        {share.value === null ? status : texts.teaching}
      </p>
      {taught.value && <TaughtResult taught={taught.value} />}
      {taught.value?.better && (
        <Button class="primary" data-testid="map-with" onClick={() => mapWith(app, taught.value!.model)}>
          {texts.mapWith}
        </Button>
      )}
      {places.length > 0 && (
        <div class="paint-next">
          <h3>{texts.next}</h3>
          <p class="quiet">{texts.nextDetail}</p>
          <div class="paint-places">
            {places.map(({ lon, lat }, i) => (
              <Button key={`${lon} ${lat}`} aria-pressed={visited.value === i} onClick={() => visit(i)}>
                {texts.place(i + 1)}
              </Button>
            ))}
          </div>
        </div>
      )}
    </div>
  );
}

interface AddClassProps {
  brushes: readonly Brush[];
  added: Signal<readonly NewClass[]>;
  chosen: Signal<string | null>;
}

/** A class that the network does not have. */
function AddClass({ brushes, added, chosen }: AddClassProps) {
  const draft = useSignal<NewClass>({ name: '', color: '#33aaff', role: 'object' });
  const set = (changes: Partial<NewClass>) => (draft.value = { ...draft.value, ...changes });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const wanted = draft.value.name.trim();
    const there = brushes.find((each) => each.name.toLowerCase() === wanted.toLowerCase());
    if (!there) added.value = [...added.value, { ...draft.value, name: wanted }];
    chosen.value = there?.name ?? wanted;
    set({ name: '' });
  };
  return (
    <details class="add-class">
      <summary>{texts.addClass}</summary>
      <form onSubmit={submit}>
        <label class="teach-field">
          <span>{texts.className}</span>
          <input
            class="text"
            required
            maxLength={40}
            pattern="[^=:]*\S[^=:]*"
            value={draft.value.name}
            data-testid="class-name"
            onInput={(event) => set({ name: event.currentTarget.value })}
          />
        </label>
        <label class="teach-field">
          <span>{texts.classColour}</span>
          <input
            type="color"
            value={draft.value.color}
            onInput={(event) => set({ color: event.currentTarget.value })}
          />
        </label>
        <label class="teach-field">
          <span>{texts.classRole}</span>
          <select
            class="select"
            value={draft.value.role}
            onChange={(event) => set({ role: event.currentTarget.value as NewClass['role'] })}
          >
            {ROLES.map((role) => (
              <option key={role} value={role}>
                {texts.roles[role]}
              </option>
            ))}
          </select>
        </label>
        <Button type="submit" data-testid="add-class">
          {texts.addClass}
        </Button>
      </form>
    </details>
  );
}

/** "not water" is of water. */
const bare = (className: string): string => className.replace(/^(!|not\s+)/i, '');

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(input|select|textarea)$/i.test(target.tagName));

/** An id that no network has yet. */
function freeId(name: string, taken: readonly string[]): string {
  const plain = name
    .normalize('NFD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 48);
  const base = plain || 'taught';
  for (let number = 1; ; number++) {
    const id = number === 1 ? base : `${base}-${number}`;
    if (!taken.includes(id)) return id;
  }
}
