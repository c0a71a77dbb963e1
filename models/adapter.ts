/** What has to be done to run somebody else's network: written into its manifest, read by whoever runs it. */

export interface AdapterInput {
  name: string;
  type: 'float32' | 'float16' | 'float64' | 'uint8' | 'int8' | 'uint16' | 'int16' | 'int32';
  layout: 'nchw' | 'nhwc';
  bands: number;
  /** Of networks that take RGB; one of a single band takes grey. */
  order: 'rgb' | 'bgr';
  /** Where chips are other bands than RGB: what each is, in the network's order; a number is a place in the scene. */
  names?: string[];
  /** Chips hold the scene's stored values; else bytes, 0..255. */
  stored?: boolean;
  /** The network sees (pixel / divisor - mean) / deviation, a mean and a deviation for each band or one for all. */
  divisor: number;
  mean: number[];
  deviation: number[];
  batch: number;
  /** Null where any multiple of the stride will do. */
  height: number | null;
  width: number | null;
}

/** An output that is a map of the image. */
export interface MapOutput {
  kind: 'map';
  name: string;
  /** Of its dims; the class dim is null where there is one plane. */
  rowDim: number;
  columnDim: number;
  classDim: number | null;
  /** What its numbers are; `labels` are class codes. */
  numbers: 'labels' | 'logits' | 'log-probabilities' | 'probabilities';
  /** Whether one class excludes the others; independent ones have the background as first class. */
  exclusive: boolean;
  /** Least probability of what is no background. */
  threshold: number;
  /** Of labels: the output that holds their probabilities, 0..255 as bytes, as our own networks have it. */
  score?: string;
  /** The output that holds the network's planes, 0..255 as bytes: [batch, plane, height, width]. */
  planes?: string;
  /** Image pixels a cell, and where in the image the first one begins. */
  scale: number;
  offset: [y: number, x: number];
}

/** Outputs that are boxes. */
export interface BoxOutput {
  kind: 'boxes';
  /** Least score, and overlap (IoU) from which two boxes of a class are one object. */
  confidence: number;
  overlap: number;
  layout:
    | {
        /** Rows of x, y, w, h (centre), perhaps objectness, then class scores; along which dim the candidates lie. */
        form: 'yolo';
        output: string;
        candidateDim: 1 | 2;
        objectness: boolean;
        classes: number;
        /** Coordinates are in pixels or shares of the image. */
        unit: 'pixels' | 'share';
        logits: boolean;
        /** Sides of the cells, pixels, where places and sizes are still told in cells, as YOLOX has them. */
        cells?: number[];
        /** Where the angle of a rotated box stands, radians: it becomes the upright box around it. */
        angle?: number;
      }
    | {
        /** Few rows, as the network selected them: where corners, score and class stand in a row. */
        form: 'rows';
        output: string;
        box: number;
        score: number;
        label: number;
        unit: 'pixels' | 'share';
      }
    | { form: 'grid'; output: string; classes: number; cell: number }
    | {
        form: 'lists';
        boxes: string;
        /** Null: the score stands behind the box. */
        scores: string | null;
        labels: string | null;
        unit: 'pixels' | 'share';
        /** Corners as x1, y1, x2, y2 or y1, x1, y2, x2; or centre and size. */
        corners: 'xyxy' | 'yxyx' | 'centre';
        /** Which class of the scores is the background: the first one (true), the last one, or none. */
        background: boolean | 'last';
        /** What makes probabilities of the scores. */
        activation?: 'none' | 'sigmoid' | 'softmax';
        /** What the first class is called by the labels. */
        firstLabel?: 0 | 1;
      };
}

export interface Adapter {
  input: AdapterInput;
  output: MapOutput | BoxOutput;
}
