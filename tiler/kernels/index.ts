// What reading blocks of TIFFs spends its time on, in AssemblyScript, and in kernels.wasm as it was made of this by
//   npx -p assemblyscript@0.28.20 asc tiler/kernels/index.ts -o tiler/kernels/kernels.wasm -O3 --noAssert \
//     --runtime stub --enable simd --enable bulk-memory
// It knows addresses in its own memory alone, from `freeFrom` on; tiler/kernels.ts puts bytes there and takes them out.
export { addFloats, addLeft, subtractFloats, subtractLeft } from './differences';
export { lzw } from './lzw';
export { packBits } from './pack-bits';
export const freeFrom: usize = __heap_base;
