import type { SchemaParts } from '../parts.ts'
import { createUpload } from '../upload-ticket.ts'

/** A file on its way to the server. */
export function defineUpload({ builder, errors }: SchemaParts): void {
  builder.objectType('Upload', {
    description: 'A file that may now be sent: `PUT` its bytes to `url` with the header `Upload-Token`.',
    fields: (t) => ({
      id: t.id({ description: 'What `addTrack` takes as `uploadId`.', resolve: (upload) => upload.id }),
      url: t.string({
        description:
          'Where to send the bytes. `HEAD` answers how many have arrived (`Upload-Offset`); send that header to go on from there.',
        resolve: (upload, _args, { publicUrl }) => `${publicUrl}/uploads/${upload.id}`,
      }),
      token: t.exposeString('token', {
        description: 'Shown once; it opens this upload only, and only until the last byte has come.',
      }),
      expiresAt: t.field({
        type: 'DateTime',
        description: 'When an unfinished upload is thrown away.',
        resolve: (upload) => upload.expiresAt,
      }),
    }),
  })
  builder.mutationField('createUpload', (t) =>
    t.field({
      type: errors.resultOf('Upload'),
      description: 'Announces an audio file, and answers where to send it.',
      args: {
        name: t.arg.string({ required: true, description: 'Its file name.' }),
        contentType: t.arg.string({
          required: true,
          description: 'Its media type: audio, video or application/octet-stream.',
        }),
        sizeBytes: t.arg({ type: 'SafeInt', required: true, description: 'Its exact size in bytes.' }),
        sha256: t.arg.string({
          description: 'SHA-256 of its bytes in hexadecimal; checked when the last byte has come.',
        }),
      },
      resolve: (_root, args, { client, config }) => createUpload(client.database, args, config.MAX_UPLOAD_BYTES),
    }),
  )
}
