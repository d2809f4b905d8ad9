import type { SchemaParts } from '../parts.ts'

/** A stored file. */
export function defineArtifact({ builder }: SchemaParts): void {
  builder.objectType('Artifact', {
    description: 'An immutable file, addressed by the SHA-256 of its bytes.',
    fields: (t) => ({
      sha256: t.exposeString('sha256', { description: 'SHA-256 of the bytes, in hexadecimal.' }),
      sizeBytes: t.field({ type: 'SafeInt', description: 'Size in bytes.', resolve: (file) => file.sizeBytes }),
      contentType: t.exposeString('contentType', { description: 'Media type, such as `audio/flac`.' }),
      name: t.exposeString('name', { description: 'What a download is called.' }),
      url: t.string({
        description: 'Where to fetch it; the answer never changes and supports ranges.',
        resolve: (file, _args, { publicUrl }) =>
          `${publicUrl}/artifacts/${file.sha256}/${encodeURIComponent(file.name)}`,
      }),
    }),
  })
}
