/** Words that depend on a number, by the rules of a language. */

type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };

/** Chooses the form for a number and puts the number in place of its `#`: `{ one: '# chip', other: '# chips' }`. */
export function pluralsOf(locale: string): (value: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(locale);
  const numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  return (value, forms) => (forms[rules.select(value)] ?? forms.other).replace('#', numbers.format(value));
}
