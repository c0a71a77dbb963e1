/** What is used of the package `lerc`, which comes without types. */
declare module 'lerc' {
  const Lerc: {
    decode(
      input: ArrayBuffer,
      options: { returnPixelInterleavedDims: boolean },
    ): {
      width: number;
      height: number;
      pixels: import('./samples.ts').Samples[];
      mask: Uint8Array | null;
    };
  };
  export default Lerc;
}
