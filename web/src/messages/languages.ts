/** Which language the page speaks: what somebody chose on it, or the first of the browser's that there is. */

/** In their own words. */
export const LANGUAGES = { en: 'English', zh: '中文' } as const;
export type Language = keyof typeof LANGUAGES;

const KEY = 'planimeter.language';
const isLanguage = (code: string | null): code is Language => code !== null && Object.hasOwn(LANGUAGES, code);

/** The page is read anew: what it shows is in its address. */
export function setLanguage(next: Language): void {
  try {
    localStorage.setItem(KEY, next);
  } catch {
    return; // Storage is closed to this page: the browser's choice holds.
  }
  location.reload();
}

/** @param preferred the browser's languages, best first, such as zh-Hans-CN */
export function chooseLanguage(remembered: string | null, preferred: readonly string[]): Language {
  if (isLanguage(remembered)) return remembered;
  return preferred.map((code) => code.toLowerCase().split('-')[0] ?? '').find(isLanguage) ?? 'en';
}

export function language(): Language {
  if (!globalThis.document) return 'en';
  let remembered: string | null = null;
  try {
    remembered = localStorage.getItem(KEY);
  } catch {
    // Storage is closed to this page.
  }
  return chooseLanguage(remembered, navigator.languages);
}
