/** The search: what is typed is looked for as a position, among the images, and among the features by id. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { openScene } from '../actions/scenes.ts';
import { type App, useApp } from '../app.ts';
import { Icon } from '../icons.tsx';
import type { Box, MapView } from '../map/map-view.ts';
import { t } from '../messages/index.ts';
import { messageOf } from '../service/api.ts';
import { type Found, search } from './search.ts';
import { ToolCard } from './tool-card.tsx';

const texts = t.tools;
/** After the last letter: a search may ask the service. */
const PAUSE_MS = 250;
const NEAR_ZOOM = 17;

export function Find({ view }: { view: MapView }) {
  const app = useApp();
  const found = useSignal<readonly Found[]>([]);
  const status = useSignal('');
  const input = useRef<HTMLInputElement>(null);
  const asked = useRef(0);
  const look = async (text: string): Promise<readonly Found[]> => {
    const turn = ++asked.current;
    const [places, said] = await search(app, text).then(
      (places) => [places, places.length > 0 ? texts.found(places.length) : texts.nothingFound] as const,
      (error) => [[], messageOf(error).detail] as const,
    );
    if (turn !== asked.current) return [];
    found.value = places;
    status.value = text.trim() === '' ? '' : said;
    return places;
  };
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const typed = (text: string) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => look(text), PAUSE_MS);
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    clearTimeout(timer.current);
    const [first] = await look(input.current!.value);
    if (first) show(app, view, first);
  };
  useEffect(() => input.current?.focus(), []);
  return (
    <ToolCard title={texts.find} data-testid="find">
      <form class="find-form" onSubmit={submit}>
        <input
          ref={input}
          class="text"
          type="search"
          aria-label={texts.findLabel}
          aria-describedby="find-help"
          placeholder={texts.findLabel}
          autocomplete="off"
          spellcheck={false}
          data-testid="find-text"
          onInput={({ currentTarget }) => typed(currentTarget.value)}
        />
      </form>
      <p class="quiet tool-status" role="status">
        {status}
      </p>
      <p class="quiet" id="find-help" hidden={status.value !== ''}>
        {texts.findHelp}
      </p>
      <ul class="found">
        {found.value.map((each) => (
          <li key={each.key}>
            <button type="button" onClick={() => show(app, view, each)}>
              <Icon name={each.kind === 'place' ? 'target' : 'frame'} size={18} />
              <span>{each.title}</span>
              <small>{each.note}</small>
            </button>
          </li>
        ))}
      </ul>
    </ToolCard>
  );
}

function show(app: App, { map, fitBox, fitScene }: MapView, found: Found): void {
  const { point, selected, sceneId } = app.state;
  if (found.kind === 'place') {
    point.value = found.at;
    const [lon, lat] = found.at;
    map.flyTo({ center: [lon, lat], zoom: Math.max(NEAR_ZOOM, map.getZoom()), maxDuration: 3000 });
  } else if (found.kind === 'scene') {
    if (sceneId.value === found.id) fitScene();
    else openScene(app, found.id);
  } else {
    if (sceneId.value !== found.scene) openScene(app, found.scene);
    selected.value = found.feature;
    fitBox(found.box as Box);
  }
}
