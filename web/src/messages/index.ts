/** The texts of the page in its language; another language is another object of the type `Messages`. */
import { en } from './en.ts';

export type Messages = typeof en;

export const t: Messages = en;
