/** Light and dark: the system's choice unless the user made one, which is remembered. */
import { computed, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'planimeter.theme';
const systemQuery = matchMedia('(prefers-color-scheme: dark)');
const systemIsDark = signal(systemQuery.matches);
systemQuery.addEventListener('change', ({ matches }) => {
  systemIsDark.value = matches;
});

/** As public/theme.js left it. */
export const theme = signal((document.documentElement.dataset.theme as Theme | undefined) ?? 'system');
export const isDark = computed(() => (theme.value === 'system' ? systemIsDark.value : theme.value === 'dark'));

/** Colours of the map; the page around it takes its own from base.css. */
export const mapColours = computed(() =>
  isDark.value
    ? { paper: '#171c1e', line: '#364144', ink: '#dfe5e1', accent: '#ff8fc0' }
    : { paper: '#eff0ea', line: '#c3c9bd', ink: '#1b2423', accent: '#b0175f' },
);

export function setTheme(next: Theme): void {
  if (next === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (next === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // Storage is closed to this page: the choice holds until it is left.
  }
  theme.value = next;
}
