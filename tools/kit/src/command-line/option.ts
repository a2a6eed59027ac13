export { Option } from 'commander';
