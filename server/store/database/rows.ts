/** Turns an object of changed fields into the SET part of an UPDATE, by a list of the columns that may change. */

/** Column name → how its parameter is written in SQL, `$` standing for the parameter. */
export type Columns = Readonly<Record<string, string>>;

/**
 * @param firstParameter number of the first free parameter
 * @returns `a = $2, b = $3::jsonb` and the values; objects for jsonb and geometry columns become JSON text
 */
export function assignments(
  columns: Columns,
  changes: Readonly<Record<string, unknown>>,
  firstParameter: number,
): { sql: string; values: unknown[] } {
  const parts: string[] = [];
  const values: unknown[] = [];
  for (const [column, value] of Object.entries(changes)) {
    const expression = Object.hasOwn(columns, column) ? columns[column] : undefined;
    if (!expression) throw new Error(`no such column to change: ${column}`);
    parts.push(`${column} = ${expression.replaceAll('$', `$${firstParameter + values.length}`)}`);
    const asJson = expression !== '$' && !expression.includes('[]') && value !== null && value !== undefined;
    values.push(asJson ? JSON.stringify(value) : (value ?? null));
  }
  return { sql: parts.join(', '), values };
}
