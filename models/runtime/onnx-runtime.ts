/**
 * ONNX Runtime, the only place that imports it: since 1.29 it sends what it runs to its maker, and keeps an identifier of
 * the machine in the home folder, unless this stands in the environment before the first session.
 */
process.env.ORT_DISABLE_TELEMETRY = '1';

export * from 'onnxruntime-node';
