/** What panels and actions share: the state of the page, and what it has under way. */
import { type Signal, signal } from '@preact/signals';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { MapView } from './map/map-view.ts';
import type { RunningUpload } from './service/upload.ts';
import { createState, type State } from './state.ts';

export interface App {
  readonly state: State;
  /** Null until the map is there. */
  readonly view: Signal<MapView | null>;
  /** Aborted when another scene is opened: what the former one still hears is no longer for the page. */
  visit: AbortController;
  upload: RunningUpload | null;
  /** Ends the wait for it, when it is cancelled. */
  endUpload: () => void;
  /** The file that is being sent: no interrupted one. */
  sending: File | null;
}

export const createApp = (): App => ({
  state: createState(),
  view: signal(null),
  visit: new AbortController(),
  upload: null,
  endUpload: () => {},
  sending: null,
});

/** Ends what the page still hears of the former scene or job; the signal is that of the next. */
export function beginVisit(app: App): AbortSignal {
  app.visit.abort();
  app.visit = new AbortController();
  return app.visit.signal;
}

export const AppContext = createContext<App | null>(null);

export const useApp = (): App => useContext(AppContext)!;
