import { z } from 'zod'
import { Artifact } from '../../worker/engine/artifact.ts'
import { align } from '../../worker/pipelines/track/align.ts'
import { clip } from '../../worker/pipelines/track/clip.ts'
import { download } from '../../worker/pipelines/track/download.ts'
import { enhance } from '../../worker/pipelines/track/enhance.ts'
import { normalize } from '../../worker/pipelines/track/normalize.ts'
import { packageLyrics } from '../../worker/pipelines/track/package.ts'
import { render } from '../../worker/pipelines/track/render.ts'
import { screens } from '../../worker/pipelines/track/screens.ts'
import { segment } from '../../worker/pipelines/track/segment.ts'
import { separate } from '../../worker/pipelines/track/separate.ts'
import type { TaskRow } from './track-engine.ts'

const Outputs = z.object({
  download: download.output,
  align: align.output,
  normalize: normalize.output,
  separate: separate.output,
  segment: segment.output,
  enhance: enhance.output,
  clip: clip.output,
  screens: screens.output,
  render: render.output,
  package: packageLyrics.output,
})

export type ArtifactOf = Artifact

/** The stored outputs of a finished track, checked against what the stages declare. */
export function outputsOf(tasks: Readonly<Record<string, TaskRow>>): z.output<typeof Outputs> {
  return Outputs.parse(Object.fromEntries(Object.entries(tasks).map(([name, task]) => [name, task.output])))
}

/** Every artifact anywhere in an output. */
export function artifactsIn(output: unknown): Artifact[] {
  const artifact = Artifact.safeParse(output)
  if (artifact.success) return [artifact.data]
  return typeof output === 'object' && output !== null ? Object.values(output).flatMap(artifactsIn) : []
}
