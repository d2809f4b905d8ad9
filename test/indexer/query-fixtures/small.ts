import type { Rows } from './deployment.ts'

/** A few entities of `everything.graphql` whose answers can be told by reading. Block 40 is the last. */
export const SMALL: Rows = {
  Owner: [
    { from: 1, to: null, values: { id: '0xaa01', name: 'Ann', rank: 3 } },
    { from: 2, to: null, values: { id: '0xbb02', name: 'bob', rank: 1 } },
    { from: 3, to: 10, values: { id: '0xcc03', name: 'Cy', rank: 2 } },
    { from: 10, to: null, values: { id: '0xcc03', name: 'Cyd', rank: 2 } },
    { from: 5, to: null, values: { id: '0xdd04', name: null, rank: 2 } },
  ],
  Profile: [
    { from: 1, to: null, values: { id: 'p1', owner: '0xaa01', bio: 'hello' } },
    { from: 1, to: null, values: { id: 'p2', owner: '0xbb02', bio: null } },
    // Two of one owner: the schema expects one, and nothing enforces it.
    { from: 1, to: null, values: { id: 'p3', owner: '0xcc03', bio: 'x' } },
    { from: 1, to: null, values: { id: 'p4', owner: '0xcc03', bio: 'y' } },
  ],
  Thing: [
    {
      from: 1,
      to: null,
      values: {
        id: 'a',
        text: 'Apple',
        data: '0x0102ff',
        flag: true,
        int: 5,
        big: '9007199254740993',
        amount: '123456789012345678901234567890',
        ratio: '0.10',
        at: '1704067200123456',
        kind: 'BETA',
        owner: '0xaa01',
        main: '0xaa01',
        owners: ['0xbb02', '0xaa01'],
        tags: ['Red', 'blue'],
        numbers: ['3', '1', '2'],
        blobs: ['0x01'],
        kinds: ['ALPHA', 'GAMMA'],
      },
    },
    {
      from: 1,
      to: null,
      values: {
        id: 'b',
        text: 'apple pie',
        data: '0x',
        flag: false,
        int: -5,
        big: '-1',
        amount: '0',
        ratio: '100',
        at: '0',
        kind: 'ALPHA',
        owner: '0xbb02',
        parent: 'a',
        main: '0xbb02',
        owners: [],
        tags: [],
        numbers: [],
        blobs: [],
        kinds: [],
      },
    },
    // Refers to owners that are not there.
    {
      from: 2,
      to: null,
      values: {
        id: 'c',
        text: '100% _sure\\',
        data: '0xff01',
        parent: 'b',
        main: '0xee99',
        owners: ['0xee99'],
        tags: ['a%', '_'],
      },
    },
    {
      from: 2,
      to: 20,
      values: { id: 'd', text: 'old', int: 1, owner: '0xdd04', main: '0xdd04', owners: [], tags: ['red'] },
    },
    {
      from: 20,
      to: null,
      values: { id: 'd', text: 'new', int: 2, owner: '0xdd04', main: '0xdd04', owners: [], tags: ['red'] },
    },
    {
      from: 3,
      to: null,
      values: {
        id: 'e',
        int: 5,
        owner: '0xaa01',
        parent: 'a',
        main: '0xaa01',
        owners: ['0xcc03'],
        tags: ['RED', 'green'],
      },
    },
  ],
  Mark: [
    { from: 1, to: null, values: { id: '0x01', thing: 'a', amount: '5', from: '0xf1', order: 1 } },
    { from: 7, to: null, values: { id: '0x02', thing: 'b', amount: '6', from: '0xf2', order: 2 } },
    { from: 30, to: null, values: { id: '0x03', thing: 'nope', amount: '7', from: '0xf3', order: 3 } },
  ],
}
export const SMALL_BLOCK = 40
