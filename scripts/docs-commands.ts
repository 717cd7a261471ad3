import type { Command } from 'commander';
import { createProgram } from '../src/cli/program.ts';

/** Every visible verb of the command line with its arguments and options, from the program that parses them. */
export function commandReference(): string {
  const program = createProgram(() => async () => {});
  const everywhere = ['Options of every verb:', '', ...options(program)].join('\n');
  return [everywhere, ...leaves(program).map(section)].join('\n\n');
}

interface Leaf {
  readonly path: string;
  readonly command: Command;
}

function leaves(program: Command): readonly Leaf[] {
  const visit = (command: Command, path: string): readonly Leaf[] =>
    visible(command).flatMap((child) => {
      const childPath = `${path} ${child.name()}`;
      return child.commands.length > 0 ? visit(child, childPath) : [{ path: childPath, command: child }];
    });
  return visit(program, program.name());
}

const visible = (command: Command): readonly Command[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help');

function section({ path, command }: Leaf): string {
  const help = command.createHelp();
  const described = help.visibleArguments(command).filter((argument) => argument.description !== '');
  const lines = [
    `### ${path}`,
    '',
    `${sentence(command.description())}`,
    '',
    '```text',
    `${path} ${command.usage()}`,
    '```',
    '',
    ...described.map((argument) => `- \`${help.argumentTerm(argument)}\`: ${argument.description}`),
    ...options(command),
  ];
  return lines.join('\n').trimEnd();
}

function options(command: Command): readonly string[] {
  const help = command.createHelp();
  return help
    .visibleOptions(command)
    .filter((option) => option.long !== '--help')
    .map((option) => `- \`${help.optionTerm(option)}\`: ${option.description}`);
}

const sentence = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
