/** What a network says of a chip. */

export const CLASS_NODATA = 255;
/** A score is the largest of at least two probabilities, so it is never 0: that stands where nothing is known. */
export const SCORE_NODATA = 0;

export interface Answer {
  /** height * width class codes; nodata where the network gives a number that is no class. */
  classes: Uint8Array;
  /** height * width probabilities of that class, 0..255. */
  scores: Uint8Array;
  /** The network's planes one after the other, each height * width probabilities 0..255; empty where it has none. */
  planes: Uint8Array;
  /** Probabilities (0..1) of all classes in the manifest's order, class after class, where the network tells them. */
  probabilities?: Float32Array;
  /** The feature layer, channel after channel, each (height / stride) * (width / stride); only where asked for. */
  features?: Float32Array;
}
