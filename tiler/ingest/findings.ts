/** What is found out about an image, and what had to be assumed of it, as people are told. */

export interface Finding {
  code: string;
  severity: 'info' | 'warning' | 'error';
  message: string;
  fix?: string;
}

export interface Assumption {
  code: string;
  value: string | number | boolean | number[] | Record<string, string | number | number[] | number[][] | null>;
  reason: string;
}
