import type { SchemaParts } from '../parts.ts'

/** The audio of a track in its forms. */
export function defineSongAudio({ builder }: SchemaParts): void {
  builder.objectType('SongAudio', {
    description: "A track's audio: what was submitted, and what has been made from it.",
    fields: (t) => ({
      source: t.field({
        type: 'Artifact',
        nullable: true,
        description: 'The file as it was submitted; null when it has been removed from the store.',
        resolve: ({ sourceCid }, _args, { loaders }) => loaders.artifact(sourceCid),
      }),
      audio: t.field({
        type: 'Artifact',
        nullable: true,
        description: 'The song as the pipeline works on it; null when it has been removed from the store.',
        resolve: ({ audioCid }, _args, { loaders }) => loaders.artifact(audioCid),
      }),
      instrumental: t.field({
        type: 'Artifact',
        nullable: true,
        description: 'The accompaniment without the voice; null until it has been separated.',
        resolve: ({ instrumentalCid }, _args, { loaders }) =>
          instrumentalCid ? loaders.artifact(instrumentalCid) : null,
      }),
      vocals: t.field({
        type: 'Artifact',
        nullable: true,
        description: 'The voice alone; null until it has been separated.',
        resolve: ({ vocalsCid }, _args, { loaders }) => (vocalsCid ? loaders.artifact(vocalsCid) : null),
      }),
      enhanced: t.field({
        type: 'Artifact',
        nullable: true,
        description: 'The enhanced accompaniment; null until it has been made.',
        resolve: ({ enhancedCid }, _args, { loaders }) => (enhancedCid ? loaders.artifact(enhancedCid) : null),
      }),
      separationMethod: t.exposeString('separationMethod', {
        nullable: true,
        description: 'How voice and accompaniment were separated; null until they have been.',
      }),
      sourceUrl: t.string({
        nullable: true,
        description:
          'The address the audio was fetched from, without its query, which may carry a secret; null when it was not fetched.',
        resolve: ({ sourceUrl }) => {
          const url = sourceUrl === null ? null : URL.parse(sourceUrl)
          return url && `${url.origin}${url.pathname}`
        },
      }),
      format: t.exposeString('format', { description: 'Container of the submitted file, such as `mp3`.' }),
      codec: t.exposeString('codec', { description: 'Codec of the submitted file.' }),
      durationMs: t.exposeInt('durationMs', { description: 'Length in milliseconds.' }),
      sampleRateHz: t.exposeInt('sampleRateHz', { description: 'Samples per second and channel.' }),
      channels: t.exposeInt('channels', { description: 'Number of channels.' }),
      bitRate: t.exposeInt('bitRate', {
        nullable: true,
        description: 'Bits per second of the submitted file; null when its container does not say.',
      }),
      loudnessLufs: t.exposeFloat('loudnessLufs', {
        nullable: true,
        description: 'Integrated loudness (ITU-R BS.1770) in LUFS; null when it was not measured, as for silence.',
      }),
      truePeakDbtp: t.exposeFloat('truePeakDbtp', {
        nullable: true,
        description: 'True peak in dBTP; null when it was not measured.',
      }),
      updatedAt: t.field({
        type: 'DateTime',
        description: 'When it last changed.',
        resolve: (audio) => audio.updatedAt,
      }),
    }),
  })
}
