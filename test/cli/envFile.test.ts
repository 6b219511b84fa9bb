/** The file of variables: its format, and what is told of a line that is not of it. */
import { describe, expect, test } from 'vitest';
import { parseEnvFile } from '../../src/cli/envFile.ts';

describe('read', () => {
  test.each<[what: string, text: string, variables: Record<string, string>]>([
    ['nothing', '', {}],
    ['names and values', 'A=1\nB_2=two words \n', { A: '1', B_2: 'two words' }],
    ['blank lines, comments and the ends of lines of Windows', '\r\n# A=0\r\n  # x\r\nA=1\r\n\r\n', { A: '1' }],
    ['blanks around names and values', '  A  =  1  ', { A: '1' }],
    ['export', 'export A=1', { A: '1' }],
    ['no value', 'A=\nB=', { A: '', B: '' }],
    ['= in a value', 'A=b=c==', { A: 'b=c==' }],
    ['the last of two', 'A=1\nA=2', { A: '2' }],
    ['a comment behind a value', 'A=1 # one', { A: '1' }],
    ['quotes, and what is within them as it is', `A=' #1 '\nB="it's"\nC=\`"\``, { A: ' #1 ', B: "it's", C: '"' }],
    ['lines within quotes', 'A="1\n2=3"\nB=4', { A: '1\n2=3', B: '4' }],
    ['\\n within double quotes', 'A="1\\n2"\nB=\'1\\n2\'', { A: '1\n2', B: '1\\n2' }],
    ['a comment behind quotes', 'A="1" # one', { A: '1' }],
    ['quotes within a value', `A=it's`, { A: "it's" }],
  ])('%s', (_, text, variables) => {
    expect(parseEnvFile(text)).toEqual(variables);
  });

  test('a byte order mark is passed over, and names that objects have are names', () => {
    expect(parseEnvFile('\uFEFFA=1')).toEqual({ A: '1' });
    expect(Object.entries(parseEnvFile('__proto__=1'))).toEqual([['__proto__', '1']]);
  });
});

describe('refused, with the number of the line and nothing of what stands there', () => {
  test.each<[text: string, line: number, why: RegExp]>([
    ['A=1\nsecret\nB=2', 2, /no NAME=value/],
    ['=secret', 1, /no NAME=value/],
    ['A=1\n\nsec ret=2', 3, /no NAME=value/],
    ['A="1\n2"\nsecret', 3, /no NAME=value/],
    ['A="secret\nB=2', 1, /quote .* not closed/],
    ['A="1" secret', 1, /behind the quote/],
    ['A=sec\0ret', 1, /NUL/],
  ])('%j', (text, line, why) => {
    const refused = (() => {
      try {
        return void parseEnvFile(text);
      } catch (error) {
        return error as Error;
      }
    })();
    expect(refused?.message).toMatch(why);
    expect(refused?.message).toMatch(new RegExp(`^line ${line}: `));
    expect(refused?.message).not.toMatch(/sec/);
  });
});
