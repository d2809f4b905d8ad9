import { expect, test } from 'vitest'
import { eachFrame, frameCount, hann, istft, magnitudes, sqrtHann, stft } from '../../worker/media/stft.ts'

function sine(length: number, hz: number, sampleRateHz: number): Float32Array {
  return Float32Array.from({ length }, (_, n) => Math.sin((2 * Math.PI * hz * n) / sampleRateHz))
}

test.each([0, 1, 7, 255, 256, 257, 5000])('%i samples come back from their unchanged spectrogram', (length) => {
  const samples = Float32Array.from({ length }, (_, n) => Math.sin(n * n * 0.001) + 0.3 * Math.cos(n))
  const spectrogram = stft(samples, 256, 64, sqrtHann(256))
  expect(spectrogram.frames).toBe(frameCount(length, 64))
  const back = istft(spectrogram, length, sqrtHann(256))
  expect(back.length).toBe(length)
  for (let n = 0; n < length; n++) expect(back[n]).toBeCloseTo(samples[n], 5)
})

test('a sine peaks at its bin in every frame that lies inside it', () => {
  const samples = sine(8000, 1000, 8000)
  const bins = 513
  const values = magnitudes(samples, 1024, 256)
  for (let frame = 3; frame < 28; frame++) {
    const row = values.subarray(frame * bins, (frame + 1) * bins)
    expect(row.indexOf(Math.max(...row))).toBe(128)
    expect(row[128]).toBeCloseTo(256, 1)
  }
})

test('magnitudes are those of the complex bins', () => {
  const samples = sine(777, 300, 8000)
  const spectrogram = stft(samples, 128, 32)
  const values = magnitudes(samples, 128, 32)
  expect(values.length).toBe(spectrogram.re.length)
  for (let i = 0; i < values.length; i++) {
    expect(values[i]).toBeCloseTo(Math.hypot(spectrogram.re[i], spectrogram.im[i]), 4)
  }
})

test('frames come in order, each once', () => {
  const seen: number[] = []
  eachFrame(new Float32Array(640), 128, 64, hann(128), (frame) => seen.push(frame))
  expect(seen).toEqual(Array.from({ length: 11 }, (_, i) => i))
})

test('an impulse is strongest in the frame that is centred on it', () => {
  const samples = new Float32Array(2048)
  samples[1024] = 1
  const values = magnitudes(samples, 256, 64)
  const energy = Array.from({ length: frameCount(2048, 64) }, (_, t) => values[t * 129 + 40])
  expect(energy.indexOf(Math.max(...energy))).toBe(16)
})

test('impossible sizes are refused with a reason', () => {
  expect(() => stft(new Float32Array(10), 100, 10)).toThrow(/power of two/)
  expect(() => stft(new Float32Array(10), 64, 65)).toThrow(/hop/)
  expect(() => magnitudes(new Float32Array(10), 64, 0)).toThrow(/hop/)
})
