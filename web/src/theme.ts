/** Light and dark: the system's choice unless the user made one, which is remembered. */

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'planimeter.theme';
const systemIsDark = matchMedia('(prefers-color-scheme: dark)');
const listeners: (() => void)[] = [];

export const theme = (): Theme => (document.documentElement.dataset.theme as Theme | undefined) ?? 'system';
export const isDark = (): boolean => (theme() === 'system' ? systemIsDark.matches : theme() === 'dark');

export function setTheme(next: Theme): void {
  if (next === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (next === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // Storage is closed to this page: the choice holds until it is left.
  }
  for (const listener of listeners) listener();
}

export function onThemeChange(listener: () => void): void {
  listeners.push(listener);
  systemIsDark.addEventListener('change', listener);
}
