/** Position of a cell along the Hilbert curve over a square of 2^order cells a side (Hamilton, CS-2006-07). */
export function hilbertIndex(order: number, column: number, row: number): number {
  let x = column;
  let y = row;
  let index = 0;
  for (let side = 2 ** (order - 1); side >= 1; side /= 2) {
    const right = x & side ? 1 : 0;
    const down = y & side ? 1 : 0;
    index += side * side * ((3 * right) ^ down);
    if (down === 0) {
      if (right === 1) {
        x = side - 1 - (x & (side - 1));
        y = side - 1 - (y & (side - 1));
      }
      [x, y] = [y, x];
    }
  }
  return index;
}
