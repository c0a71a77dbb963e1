/** The texts of the page in its language; another language than English is loaded before anything is drawn. */
import { en, type Messages } from './en.ts';
import { language } from './languages.ts';

export type { Messages };

export const t: Messages = language() === 'zh' ? (await import('./zh.ts')).zh : en;

if (globalThis.document) document.documentElement.lang = t.locale;
