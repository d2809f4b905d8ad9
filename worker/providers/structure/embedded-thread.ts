import { InvalidInput } from '../../errors.ts'
import { readPcm } from '../../media/ffmpeg/pcm.ts'
import { probe } from '../../media/ffmpeg/probe.ts'
import { FeatureStream, STRUCTURE_SAMPLE_RATE_HZ } from '../../media/structure/features.ts'
import { findSections, type SongSection } from '../../media/structure/sections.ts'
import { serveThread } from '../../media/thread.ts'

export interface AnalysisInput {
  readonly audioPath: string
}

serveThread<AnalysisInput, SongSection[]>(async ({ audioPath }, { onProgress, signal }) => {
  const { durationSeconds } = await probe(audioPath, { signal })
  const stream = new FeatureStream()
  let samples = 0
  for await (const block of readPcm(audioPath, { sampleRateHz: STRUCTURE_SAMPLE_RATE_HZ, channels: 1, signal })) {
    stream.push(block)
    samples += block.length
    const readSeconds = samples / STRUCTURE_SAMPLE_RATE_HZ
    onProgress(durationSeconds > 0 ? Math.min(0.9, (0.9 * readSeconds) / durationSeconds) : 0, 'listening')
  }
  const sections = findSections(stream.finish())
  if (sections.length === 0) throw new InvalidInput('expected a song to analyse, got a file without a single sample')
  onProgress(1, 'sections found')
  return sections
})
