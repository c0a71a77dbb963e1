/** Where networks run: names of devices, which of them may be here, and what ONNX Runtime needs to be told. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Problem } from '../../errors/problem.ts';
import { plainReason } from './plain-reason.ts';

/** `cuda:0` is the first NVIDIA card. */
export type Device = 'cpu' | 'webgpu' | `cuda:${number}`;
/** What can be asked for; `auto` is the fastest that works. */
export type DeviceChoice = 'auto' | Device;

/** Reads a device name. Throws `device_unavailable` for one that does not exist. */
export function parseDevice(name: string): DeviceChoice {
  if (name === 'auto' || name === 'cpu' || name === 'webgpu') return name;
  const cuda = /^cuda(?::(\d{1,2}))?$/.exec(name);
  if (cuda) return `cuda:${Number(cuda[1] ?? 0)}`;
  throw new Problem('device_unavailable', `There is no device "${name}"; use auto, cpu, webgpu, cuda or cuda:N.`);
}

/** What `auto` tries, the likely fastest first. Devices that plainly are not here are left out: trying is noisy. */
export function candidates(): Device[] {
  const list: Device[] = [];
  if (existsSync(CUDA_LIBRARY) && existsSync('/dev/nvidiactl')) list.push('cuda:0');
  if (process.platform !== 'linux' || existsSync('/dev/dri') || process.env.VK_DRIVER_FILES) list.push('webgpu');
  return [...list, 'cpu'];
}

/**
 * Whether 8-bit networks give on this CPU what they were measured with. x86 processors without VNNI add pairs of products
 * in 16 bits, where large weights saturate.
 */
export function sumsInt8Exactly(): boolean {
  if (process.arch !== 'x64') return process.arch === 'arm64';
  try {
    return /\b(avx512_vnni|avx_vnni)\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return false; // not Linux: not known
  }
}

/** ONNX Runtime's names and options of a device. */
export function executionProvider(device: Device): string | { name: string; deviceId: number } {
  if (!device.startsWith('cuda')) return device;
  return { name: 'cuda', deviceId: Number(device.slice('cuda:'.length)) };
}

/** The sentence that says what to do about a device that could not be used. */
export function unavailable(device: Device, error: unknown): Problem {
  const message = (error instanceof Error ? error.message : String(error)).trim();
  const last = message.slice(message.lastIndexOf('\n') + 1).replace(/^\S*\.cc:\d+ .*? was false\. /, '');
  const reason = plainReason(last);
  const advice = device.startsWith('cuda')
    ? existsSync(CUDA_LIBRARY)
      ? 'Check the NVIDIA driver, CUDA 12 and cuDNN 9.'
      : `The CUDA library is not installed; run: node ${CUDA_INSTALLER} --onnxruntime-node-install=cuda12`
    : 'Check the graphics driver (on Linux: Vulkan).';
  return new Problem(
    'device_unavailable',
    `The device ${device} cannot be used: ${reason.replace(/[\s.]*$/, '.')} ${advice} Or use --device cpu.`,
  );
}

const PACKAGE = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
/** As it is called from where the program is installed. */
const CUDA_INSTALLER = 'node_modules/onnxruntime-node/script/install.js';
const LIBRARIES = join(PACKAGE, 'bin/napi-v6', process.platform, process.arch);

/** Where ONNX Runtime looks for its CUDA provider; it is not part of the package. */
export const CUDA_LIBRARY = join(LIBRARIES, 'libonnxruntime_providers_cuda.so');
