import { definePipeline } from '../../engine/define.ts'
import { createLens } from './create-lens.ts'
import { deployUnlock } from './deploy-unlock.ts'
import { enrichments } from './enrichment.ts'
import { mintGrc20 } from './mint-grc20.ts'
import { mintPkp } from './mint-pkp.ts'
import { populateGrc20 } from './populate-grc20.ts'
import { loadArtist } from './subject.ts'

export const artist = definePipeline({
  name: 'artist',
  description: 'An artist gets a wallet, an account, an entry in the metadata space and a lock',
  milestones: ['identified', 'registered', 'locked'],
  stages: [...enrichments, mintPkp, createLens, populateGrc20, mintGrc20, deployUnlock],
  loadSubject: loadArtist,
})
